"""What a training is made of: weights at first, rates, penalties, stopping, statistics, teachers."""
