"""Small counts of the faults of PostgreSQL; ``chaos.py`` takes greater ones by hand."""

import logging

import pytest

from tests.faults.postgres import chaos


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """The driver and its pool tell of each lost connection; here that is the point."""
    caplog.set_level(logging.CRITICAL, logger="psycopg")


def test_killed_workers_lose_nothing(server, schema):
    """Workers killed at any instant: nothing acknowledged is lost, nothing done twice, all is done in the end."""
    assert chaos.kill_workers(server.dsn, schema, kills=8, seed=1).acknowledged


def test_cut_commits_take_effect_once(server, schema):
    """Connections cut at a COMMIT: each repeated unit has the effect of one."""
    answers = chaos.cut_commits(server, schema, cuts=15, seed=2)

    assert sum(answers.values()) == 15


def test_a_restarted_server_loses_nothing(server, schema):
    """A server that crashes under load and recovers: nothing acknowledged is lost, and all go on by themselves."""
    assert chaos.restart_server(server, schema, restarts=2, seed=3).acknowledged


def test_terminated_back_ends_lose_nothing(server, schema):
    """Back ends terminated under load: nothing acknowledged is lost, and all go on by themselves."""
    assert chaos.terminate_back_ends(server.dsn, schema, terminations=20, seed=4).acknowledged
