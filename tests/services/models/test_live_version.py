"""Which version is live, as sessions see it."""

from tests.factories import NOW, make_champion, make_version
from webapp.services.models import registry


def test_one_that_reads_and_switches_sees_the_version_that_is_live_then(write, read):
    first = write(make_champion)
    second = write(make_version)

    def switch(session):
        before = registry.serving(session)[0].name
        registry.set_alias(session, registry.CHAMPION, second.key, NOW)
        return before, registry.serving(session)[0].name

    assert read(switch) == (first.name, second.name)
    assert write(switch) == (first.name, second.name)
    assert read(lambda session: registry.serving(session)[0].name) == second.name
