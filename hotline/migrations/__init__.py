"""How the tables came to be what they are: one file in versions/ for each change.

After a change of tables: `python -m hotline.migrations.revise "what changes"`, then read what it wrote.
"""
