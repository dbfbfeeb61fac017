"""Soak, third part: what it leaves in the cluster, and what a cycle costs."""


def test_leaves_nothing_in_the_cluster(window):
    """SOA-110."""
    window.whole_run("SOA-110")


def test_leaks_no_watch(window):
    """SOA-111."""
    window.whole_run("SOA-111")


def test_costs_the_same_in_each_cycle(window):
    """SOA-112."""
    window.whole_run("SOA-112")
