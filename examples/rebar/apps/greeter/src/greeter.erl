%% A page on the port that sys.config says, for whoever asks.
-module(greeter).
-behaviour(application).
-behaviour(supervisor).
-export([start/2, stop/1, init/1, listen/1, serve/1]).

start(_Type, _Args) ->
    {ok, Port} = application:get_env(port),
    {ok, Socket} = gen_tcp:listen(Port, [binary, {active, false}, {reuseaddr, true}]),
    supervisor:start_link(?MODULE, Socket).

stop(_State) -> io:format("the greeter is gone~n").

init(Socket) ->
    {ok, {#{}, [#{id => listener, start => {?MODULE, listen, [Socket]}}]}}.

listen(Socket) -> {ok, spawn_link(fun() -> serve(Socket) end)}.

serve(Socket) ->
    {ok, Client} = gen_tcp:accept(Socket),
    {ok, _} = gen_tcp:recv(Client, 0),
    Body = page(),
    ok = gen_tcp:send(Client, [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ", integer_to_list(iolist_size(Body)), "\r\n\r\n", Body
    ]),
    ok = gen_tcp:close(Client),
    ?MODULE:serve(Socket). %% of the newest code, where that was upgraded

page() ->
    {ok, Greeting} = application:get_env(greeter, greeting),
    {ok, Motd} = file:read_file(filename:join([code:root_dir(), "etc", "motd"])),
    io_lib:format("~ts from ~ts, 2 + 3 = ~b~n~ts", [Greeting, node(), greeter_nif:add(2, 3), Motd]).
