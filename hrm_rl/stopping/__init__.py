"""What is optimal on a bank: exact values, the Snell envelope, beliefs, budgets."""
