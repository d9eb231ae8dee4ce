return { hosts = "node[01-12]", gpus_per_host = 2 }
