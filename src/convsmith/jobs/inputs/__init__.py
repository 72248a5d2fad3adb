"""What a job is about: a run's network and images, other people's networks, photographs."""
