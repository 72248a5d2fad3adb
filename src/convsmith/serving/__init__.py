"""A finished network that answers over HTTP: what comes in, who computes, what is counted."""
