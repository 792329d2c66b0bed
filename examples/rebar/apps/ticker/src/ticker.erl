%% A word a second.
-module(ticker).
-behaviour(application).
-behaviour(supervisor).
-export([start/2, stop/1, init/1, begin_ticking/0]).

start(_Type, _Args) -> supervisor:start_link(?MODULE, []).

stop(_State) -> io:format("the ticker is gone~n").

init([]) -> {ok, {#{}, [#{id => ticker, start => {?MODULE, begin_ticking, []}}]}}.

begin_ticking() -> {ok, spawn_link(fun tick/0)}.

tick() ->
    io:format("tick~n"),
    timer:sleep(1000),
    tick().
