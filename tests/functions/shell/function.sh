# The handlers of a shell function; each gets the event and prints its result.

echo_event() {
    echo "handling" >&2
    printf '{"event": %s, "pwd": "%s"}' "$1" "$PWD"
}

tell_variables() {
    printf '{"env": "%s", "handler": "%s", "python": "%s"}' \
        "${AWS_EXECUTION_ENV-none}" "$_HANDLER" "${PYTHONPATH-none}"
}

fail() {
    return 1
}
