module operator-harness.example/kind-node/pause

go 1.24.0
