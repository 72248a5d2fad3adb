"""Who trains: processes of this machine or of a cluster, and the tasks that they are given."""
