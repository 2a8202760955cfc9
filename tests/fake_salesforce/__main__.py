"""Run the Salesforce of the tests by itself: `python -m tests.fake_salesforce --demo`."""

import argparse
import signal
import sys
import threading

from tests.fake_salesforce import demo
from tests.fake_salesforce.fake import FakeSalesforce


def main() -> None:
    options = arguments()
    world = demo.filled(leads=options.leads, seed=options.seed, port=options.port)
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    with world.fake as fake:
        sys.stdout.write(settings(fake) + "\n")
        sys.stdout.flush()
        if options.demo:
            demo.go_on(world, stopping, speed=options.speed)
        stopping.wait()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_salesforce", description=__doc__)
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one")
    parser.add_argument("--leads", type=int, default=3000, help="how many came in so far")
    parser.add_argument("--seed", type=int, default=1, help="another number, another company")
    parser.add_argument("--demo", action="store_true", help="leads keep coming, deals closing")
    parser.add_argument(
        "--speed", type=float, default=1800, help="seconds of that company's time in one of ours"
    )
    return parser.parse_args()


def settings(fake: FakeSalesforce) -> str:
    """What to set for Leadloop to use it."""
    values = {
        "EXTRA_HOST": fake.url,
        "METHOD": "client_credentials",
        "DOMAIN": fake.url.removeprefix("http://"),
        "CONSUMER_KEY": fake.app.consumer_key,
        "CONSUMER_SECRET": fake.app.consumer_secret,
    }
    return "\n".join(f"LEADLOOP_SALESFORCE_{name}={value}" for name, value in values.items())


if __name__ == "__main__":
    main()
