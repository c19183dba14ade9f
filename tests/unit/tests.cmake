# Each layer adds its line here.
