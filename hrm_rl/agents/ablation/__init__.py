"""The ablation: halting learners x seeds, trained, scored by every inference rule, and compared.

`variants` names the configs, `budgets` counts what training costs, `member` trains and scores one
run, `grid` all of them, `cross` compares at equal budgets, `tables`, `plots` and `figure5` show it.
"""
