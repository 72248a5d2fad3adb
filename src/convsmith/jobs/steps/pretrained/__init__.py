"""Steps of a job that starts from a pretrained network: cuts, judged cheaply, tuned."""
