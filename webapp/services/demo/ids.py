"""By what invented leads and their outcomes are told from real ones."""

N_LEADS = 600
# In the order in which they came.
ORDER = tuple(f"DEMO-{number:03}" for number in range(1, N_LEADS + 1))
IDS = frozenset(ORDER)
# The idempotency key of their outcomes.
INVENTED = "demo"
