"""What holds of a circuit breaker whatever happens."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from taskorch.core.breaker import Breaker, BreakerState
from tests.core.samples import NOW

SECOND = timedelta(seconds=1)

# What happens: a caller asks, one ends well or badly, a time passes; with "back" the clock is put back.
happenings = st.lists(
    st.tuples(st.sampled_from(["allow", "success", "failure"]), st.integers(0, 7)), min_size=1, max_size=60
)
with_a_bad_clock = st.lists(
    st.tuples(st.sampled_from(["allow", "success", "failure"]), st.integers(-30, 30)), min_size=1, max_size=60
)
breakers = st.builds(Breaker, st.integers(1, 4), st.integers(1, 12), st.integers(1, 3))  # threshold, seconds, probes


@given(breakers, happenings)
def test_only_so_many_probes_are_under_way(breaker: Breaker, story: list[tuple[str, int]]) -> None:
    """Unless it is closed, at most ``half_open_max`` probes are under way that began within ``reset_timeout``."""
    now = NOW
    calls: list[tuple[datetime, bool]] = []  # under way: when each began, and whether it is a probe
    for what, seconds in story:
        now += seconds * SECOND
        is_probe = breaker.state(now) is BreakerState.HALF_OPEN
        if what == "allow":
            calls += [(now, is_probe)] if breaker.allow(now) else []
        elif calls:
            calls.pop(seconds % len(calls))
            getattr(breaker, f"record_{what}")(now)
        probes = [began for began, is_probe in calls if is_probe and now - began < breaker.reset_timeout]

        assert breaker.state(now) is BreakerState.CLOSED or len(probes) <= breaker.half_open_max


@given(breakers, happenings)
def test_its_states_follow_one_another_as_drawn(breaker: Breaker, story: list[tuple[str, int]]) -> None:
    """Closed to open on a failure, half open by time, closed again on a success and open again on a failure."""
    now = NOW
    for what, seconds in story:
        earlier = breaker.state(now)
        now += seconds * SECOND
        before = breaker.state(now)
        assert before is earlier or (earlier, before) == (BreakerState.OPEN, BreakerState.HALF_OPEN)
        if what != "allow":
            getattr(breaker, f"record_{what}")(now)
        elif breaker.allow(now):
            assert before is not BreakerState.OPEN
        else:
            assert before is not BreakerState.CLOSED
        after = breaker.state(now)

        assert after is before or (what, before, after) in {
            ("failure", BreakerState.CLOSED, BreakerState.OPEN),
            ("failure", BreakerState.HALF_OPEN, BreakerState.OPEN),
            ("success", BreakerState.HALF_OPEN, BreakerState.CLOSED),
        }


@given(breakers, with_a_bad_clock)
def test_whoever_is_refused_is_told_when_to_ask_again(breaker: Breaker, story: list[tuple[str, int]]) -> None:
    """Refused, a caller is told a time after now, within ``reset_timeout``; asking then, it goes through."""
    now = NOW
    for what, seconds in story:
        now += seconds * SECOND
        would, later = breaker.would_allow(now), breaker.available_at(now)
        if what != "allow":
            getattr(breaker, f"record_{what}")(now)
            continue
        assert breaker.allow(now) is would is (later is None)
        if later is not None:
            assert now < later <= now + breaker.reset_timeout
            assert not breaker.would_allow(later - timedelta(microseconds=1))
            assert breaker.would_allow(later)


@given(breakers, st.lists(st.tuples(st.integers(1, 30), st.integers(0, 60)), max_size=20))
def test_it_never_opens_the_way_too_early(breaker: Breaker, story: list[tuple[int, int]]) -> None:
    """However often the clock is put back, no call goes through before ``reset_timeout`` has really passed."""
    for _ in range(breaker.failure_threshold):
        breaker.record_failure(NOW)
    shown, passed = NOW, timedelta(0)
    for seconds, back in story:
        passed += seconds * SECOND
        shown += (seconds - back) * SECOND

        if breaker.allow(shown):
            assert passed >= breaker.reset_timeout
            return


@given(breakers, with_a_bad_clock)
def test_it_is_never_shut_for_good(breaker: Breaker, story: list[tuple[str, int]]) -> None:
    """Whatever was asked and recorded, by whatever clock, it lets a call through when twice its time has passed."""
    now = NOW
    for what, seconds in story:
        now += seconds * SECOND
        getattr(breaker, "allow" if what == "allow" else f"record_{what}")(now)
    breaker.allow(now)

    assert breaker.allow(now + breaker.reset_timeout)
