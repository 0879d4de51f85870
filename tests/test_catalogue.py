"""Things go by name: shipped ones, those that installed packages register, any by its full name."""

import sys

import pytest

from adfast.catalogue import Catalogue
from adfast.errors import InvalidArgument, UnknownName
from own_package import install

MODULE = """
from abc import ABC, abstractmethod
from adfast.config import Config, Count

class Base(Config):
    pass

class Shipped(Base):
    size: Count = 9

class Own(Base):
    length: Count = 3

class Unfinished(Base, ABC):
    @abstractmethod
    def measure(self): ...

class Stranger(Config):
    pass

NUMBER = 5
"""


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A folder on the path with the module `house`; makes packages that register entry points."""
    (tmp_path / "house.py").write_text(MODULE)
    (tmp_path / "ruin.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def install_package(package, **entry_points):
        install(tmp_path, package, {}, {"test.houses": entry_points})

    yield install_package
    for module in ("house", "ruin"):
        sys.modules.pop(module, None)


@pytest.fixture
def catalogue():
    return Catalogue("house", "test.houses", "house:Base", {"shipped": "house:Shipped"})


def test_all_kinds_of_names_are_found_and_made(packages, catalogue):
    packages("my-houses", own="house:Own")
    assert catalogue.names() == ["own", "shipped"]
    assert catalogue.make("shipped").size == 9
    assert catalogue.make("own", length=7) == catalogue.make("house:Own", length=7)
    assert catalogue.find("own").__name__ == "Own"


def test_names_imports_nothing(packages, catalogue):
    packages("my-houses", own="house:Own", ruin="ruin:House")
    assert catalogue.names() == ["own", "ruin", "shipped"]
    assert not {"house", "ruin"} & sys.modules.keys()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shiped", r'unknown house "shiped"; did you mean "shipped"\? valid: shipped, or one of'),
        ("nowhere:Own", r'house "nowhere:Own" cannot be imported: No module named .nowhere.; its'),
        ("house:Owl", r"cannot be imported: module .house. has no attribute .Owl.; its module mu"),
        ("ruin:House", r"cannot be imported: ZeroDivisionError: division by zero; its module must"),
        (":Own", r'cannot be imported: a full name is spelt "package.module:Class"'),
        ("house:", r'cannot be imported: a full name is spelt "package.module:Class"'),
        ("house:NUMBER", "must be a class derived from house.Base, got 5"),
        ("house:Stranger", r"must be a class derived from house.Base, got <class .house.Strange"),
        ("house:Unfinished", r'house "house:Unfinished" must define measure$'),
        (5, "house must be a name, got 5"),
    ],
)
def test_name_that_leads_to_no_member_is_refused(packages, catalogue, name, message):
    with pytest.raises(InvalidArgument, match=message):
        catalogue.find(name)


def test_unknown_names_are_compared_with_those_of_packages_too(packages, catalogue):
    packages("my-houses", cottage="house:Own")
    with pytest.raises(UnknownName, match='did you mean "cottage"'):
        catalogue.find("cotage")


def test_bad_option_names_the_member_and_the_nearest(packages, catalogue):
    with pytest.raises(UnknownName, match='house:Own: unknown setting "lenght"; did you mean "len'):
        catalogue.make("house:Own", lenght=5)
    with pytest.raises(InvalidArgument, match="shipped: size must be greater than or equal to 1"):
        catalogue.make("shipped", size=0)


def test_entry_point_that_fails_names_its_package_and_harms_no_other(packages, catalogue):
    packages("broken-houses", ruin="ruin:House", gone="nowhere:House")
    packages("my-houses", own="house:Own")
    for name, cause in (
        ("ruin", "ZeroDivisionError: division by zero"),
        ("gone", "No module named 'nowhere'"),
    ):
        with pytest.raises(InvalidArgument) as refused:
            catalogue.find(name)
        assert str(refused.value) == (
            f'house "{name}" cannot be imported: {cause}; the installed package broken-houses '
            "registers it (test.houses): mend that"
        )
    assert catalogue.make("own").length == 3


def test_name_of_two_packages_is_refused_unless_they_mean_the_same(packages, catalogue):
    packages("my-houses", own="house:Own", same="house:Own")
    packages("your-houses", own="house:Shipped", same="house:Own")
    message = r'registered as "house:\w+" by \w+-houses and as "house:\w+" by \w+-houses; use one'
    with pytest.raises(InvalidArgument, match=message):
        catalogue.find("own")
    assert catalogue.make("same").length == 3


def test_shipped_name_means_the_shipped_class_whatever_is_installed(packages, catalogue):
    packages("my-houses", shipped="house:Own")
    assert catalogue.names() == ["shipped"]
    assert catalogue.find("shipped").__name__ == "Shipped"
