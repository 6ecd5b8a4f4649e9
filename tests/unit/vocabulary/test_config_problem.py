"""The one line that an admin reads about a problem."""

from vocabulary.config_problem import ConfigProblem


def test_where_what_and_what_to_do_stand_on_one_line():
    problem = ConfigProblem(
        "menus/main.yaml", 12, 13, ("keys", 3, "goto"), 'no menu "tax-desk".', 'Did you mean "tax"?'
    )
    assert str(problem) == 'menus/main.yaml:12:13  keys → 3 → goto: no menu "tax-desk". Did you mean "tax"?'


def test_a_problem_of_the_whole_file_has_no_path():
    assert str(ConfigProblem("codes.yaml", 1, 1, (), "it is empty.", "")) == "codes.yaml:1:1  it is empty."
