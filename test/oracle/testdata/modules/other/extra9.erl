-module(extra9).
-export([load/1, call/0]).
-on_load(init/0).
init() -> erlang:load_nif("/app/lib/oracle-0.1.0/priv/gone", 0).
load(Path) -> erlang:load_nif(Path, 0).
call() -> erlang:nif_error(not_loaded).
