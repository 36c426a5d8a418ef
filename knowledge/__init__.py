"""What is known about failures and how it is judged. Knows no HTTP and no framework."""
