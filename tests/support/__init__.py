"""What the tests share: packages, clients, functions, processes, patience."""
