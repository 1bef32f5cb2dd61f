"""Rules, learners and their comparison: one file per learner, one signature.

Nothing is imported here, so that a rule can be used without stable-baselines3.
"""

if __name__ != "hrm_rl.agents":
    raise ImportError(
        f"this package is hrm_rl.agents, not {__name__}: write `import hrm_rl.agents`"
    )
