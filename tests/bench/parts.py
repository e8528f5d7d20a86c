"""A benchmark that consists of parts: its command line, and its results once all of them have run."""

import argparse

from results import Results


def run(name, parts, open_subject, close_subject, between=lambda: None):
    """parts: name -> part(results, subject). open_subject(quick) makes what they measure."""
    parser = argparse.ArgumentParser(prog=f"./dev bench {name}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything works")
    parser.add_argument("--only", default=",".join(parts), help="parts to run: " + ", ".join(parts))
    args = parser.parse_args()
    chosen = args.only.split(",")
    if set(chosen) - set(parts):
        parser.error("the parts are " + ", ".join(parts))
    results, subject = Results(name), open_subject(args.quick)
    for part in chosen:
        parts[part](results, subject)
        between()
    close_subject(subject)
    if args.quick or chosen != list(parts):
        results.print_json()
    else:
        results.write()
