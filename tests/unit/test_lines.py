"""The models of hotline.yaml refuse what could break Asterisk's files, whoever builds them."""

import pytest
from pydantic import ValidationError

from ivr.lines import Lines, Number, Queue, Site, Trunk

TRUNK = {"name": "carrier", "mode": "address", "host": "192.0.2.1"}


@pytest.mark.parametrize(
    "label",
    ["a\nb", "a\rb", "a\0b", "a;b", "#include x", "[general]", "a]", "${SHELL(id)}", "$[1]", "a|b",
     'a"b', "a\\b",
     "<110>", "", " a", "a ", "a\u2028b", "a\u202eb", "长" * 61, "a\x85b", "a\tb"],
)  # fmt: skip
def test_a_label_that_could_change_a_file_is_refused(label):
    with pytest.raises(ValidationError):
        Queue(name="general", label=label)


@pytest.mark.parametrize("label", ["综合受理", "Tax, fees & more", "12345", "7×24 小时 (城区)", "$5", "a#b"])
def test_plain_labels_pass(label):
    assert Queue(name="general", label=label).label == label


@pytest.mark.parametrize(
    "name", ["General", "1a", "a b", "a.b", "a\n", "ａ", "", "a" * 41, "名", "a/b", "-a"]
)
def test_names_are_small_and_plain(name):
    with pytest.raises(ValidationError):
        Queue(name=name, label="x")


@pytest.mark.parametrize("digits", ["", "12", "1" * 16, "12a", "１２３", "+86123", "12345\n", "*10"])
def test_a_number_is_digits(digits):
    with pytest.raises(ValidationError):
        Number(number=digits, label="x", menu="main", queue="general")


@pytest.mark.parametrize(
    "host", ["", "a b", "a\nb", "a;b", "-a", "a..b", "[::1]", "::1", "a:5060", "a/24", "x" * 300]
)
def test_a_host_is_a_name_or_an_address(host):
    with pytest.raises(ValidationError):
        Trunk(**{**TRUNK, "host": host})


@pytest.mark.parametrize("host", ["192.0.2.1", "sip.carrier.example", "localhost", "a"])
def test_usual_hosts_pass(host):
    assert Trunk(**{**TRUNK, "host": host}).host == host


@pytest.mark.parametrize(
    "plan", ["", "X.", "1!", "_1X", "1[9-3]", "1[", "1[]", "${X}", "1,2", "1\n", "X" * 40]
)
def test_plans_have_a_fixed_length_and_no_wildcard(plan):
    with pytest.raises(ValidationError):
        Trunk(**TRUNK, allow_out=[plan])


def test_a_trunk_dials_nothing_unless_told():
    assert Trunk(**TRUNK).allow_out == []


def test_a_test_trunk_is_on_this_machine():
    with pytest.raises(ValidationError):
        Trunk(**TRUNK, is_test=True)
    assert Trunk(**{**TRUNK, "host": "127.0.0.1"}, is_test=True).is_test


def test_registration_needs_a_user_and_where_the_secret_is():
    with pytest.raises(ValidationError):
        Trunk(**{**TRUNK, "mode": "registration"}, username="u")
    made = Trunk(**{**TRUNK, "mode": "registration"}, username="u", secret_env="TRUNK_SECRET")
    assert made.secret_env == "TRUNK_SECRET"


def test_the_service_level_is_fifteen_seconds_unless_told():
    assert Queue(name="general", label="综合").service_level_seconds == 15


def test_lines_find_their_parts():
    lines = Lines(
        site=Site(name="x", area_code="0355", area6="140400"),
        numbers=[Number(number="12345", label="x", menu="main", queue="general")],
        trunks=[Trunk(**TRUNK)],
        queues=[Queue(name="general", label="x")],
    )
    assert lines.number("12345") is lines.numbers[0]
    assert lines.number("1") is None
    assert lines.queue("general") is lines.queues[0]
    assert lines.trunk("carrier") is lines.trunks[0]
    assert lines.feature_codes.sign_in == "*10"
    with pytest.raises(ValidationError):
        lines.quick_hangup_seconds = 9
