"""Terms of the objective: functions from a forward pass to nats per example, as a mean.

They are registered, with what each of them needs, in `latentscape.config.terms`.
"""
