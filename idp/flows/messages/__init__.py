"""What is sent to customers: text messages within budgets, letters, links that do one thing once, notices."""
