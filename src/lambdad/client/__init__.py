"""Services that are reached as their users reach them, here or elsewhere; imports no botocore."""
