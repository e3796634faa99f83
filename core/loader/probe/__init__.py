"""``python -m core.loader.probe OUT``: what each part of a workload's data pipeline costs.

In a process of its own, in a few seconds; nothing here is a full trial. :func:`probe.run` is the
order of events, one module each times samples, transport, the step and device copies.
"""
