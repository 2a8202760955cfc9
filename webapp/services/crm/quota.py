"""How many calls a day are ours."""

# Of the org's calls of a day: the share after which we stop, and the share that is ours.
ORG_SHARE = 0.80
OWN_SHARE = 0.25


def daily_budget(n_limit: int | None, chosen: int | None) -> int | None:
    """The most calls a day that are ours: as chosen, else a share of the org's, if known."""
    return chosen or (int(OWN_SHARE * n_limit) if n_limit else None)
