"""How a job runs: begun or found again, its clock, its progress, who works, what comes back."""
