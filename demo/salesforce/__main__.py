"""Run the made-up Salesforce by itself: `python -m demo.salesforce --demo`."""

import argparse
import signal
import sys
import threading

from demo.salesforce import company


def main() -> None:
    options = arguments()
    world = company.filled(leads=options.leads, seed=options.seed, port=options.port)
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    with world.fake as fake:
        lines = [f"{name}={value}\n" for name, value in company.settings(fake).items()]
        sys.stdout.writelines(lines)
        sys.stdout.flush()
        if options.demo:
            company.go_on(world, stopping, speed=options.speed)
        stopping.wait()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.salesforce", description=__doc__)
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one")
    parser.add_argument("--leads", type=int, default=3000, help="how many came in so far")
    parser.add_argument("--seed", type=int, default=1, help="another number, another company")
    parser.add_argument("--demo", action="store_true", help="leads keep coming, deals closing")
    parser.add_argument(
        "--speed", type=float, default=1800, help="seconds of that company's time in one of ours"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
