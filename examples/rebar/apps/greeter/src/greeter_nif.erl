-module(greeter_nif).
-export([add/2]).
-on_load(load/0).

load() -> erlang:load_nif(filename:join(code:priv_dir(greeter), "greeter"), 0).

add(_, _) -> erlang:nif_error(not_loaded).
