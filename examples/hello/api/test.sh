#!/bin/sh
# Calls the CGI program as httpd would and compares its answers.
set -eu
failed=0
expect() {
  answer=$(QUERY_STRING="$1" GREETING="${3:-Hello}" www/cgi-bin/greet | tail -n 1)
  if [ "$answer" = "{\"greeting\":\"$2\",\"version\":\"dev\"}" ]; then
    echo "ok: greet?$1"
  else
    echo "FAILED: greet?$1 answered $answer"
    failed=1
  fi
}
expect ''                     'Hello, world'
expect 'name=Ada'             'Hello, Ada'
expect 'x=1&name=Ada+L%2e'    'Hello, Ada L.'
expect 'name=%22%5c'          "Hello, \\\"\\\\"
expect 'name=Ada'             'Salut, Ada' Salut
exit $failed
