-module(page_handler).
-export([init/2]).

init(Request, Greeting) ->
    Body = io_lib:format("~ts from ~ts~n", [Greeting, node()]),
    {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, Body, Request), Greeting}.
