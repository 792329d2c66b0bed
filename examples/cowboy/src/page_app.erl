-module(page_app).
-behaviour(application).
-export([start/2, stop/1]).

start(_Type, _Args) ->
    {ok, Port} = application:get_env(page, port),
    {ok, Greeting} = application:get_env(page, greeting),
    Routes = cowboy_router:compile([{'_', [{"/", page_handler, Greeting}]}]),
    {ok, _} = cowboy:start_clear(page, [{port, Port}], #{env => #{dispatch => Routes}}),
    page_sup:start_link().

stop(_State) ->
    ok = cowboy:stop_listener(page),
    logger:notice("the page is gone").
