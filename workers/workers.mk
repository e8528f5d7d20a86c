# libworker.a (workers/core) and one program per worker.
