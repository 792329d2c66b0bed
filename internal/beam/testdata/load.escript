#!/usr/bin/env escript
%% Tells what this VM's loader makes of BEAM files: a line for each,
%%   FILE \t ok | refused | feature \t what the loader said
%% Nothing is loaded: prepare_loading does all the loader's checks and has no
%% effect on the running system.
-module(load).
-mode(compile).
-export([main/1, log/2]).

main([List]) ->
    ok = logger:add_handler(told, ?MODULE, #{config => #{to => self()}}),
    _ = logger:remove_handler(default),
    {ok, Names} = file:read_file(List),
    [io:format("~ts\t~ts~n", [F, try_load(binary_to_list(F))])
     || F <- binary:split(Names, <<"\n">>, [global, trim_all])].

try_load(File) ->
    {ok, Bin} = file:read_file(File),
    Module = list_to_atom(filename:basename(File, ".beam")),
    case erlang:prepare_loading(Module, Bin) of
        {error, Why} -> ["refused\t", io_lib:format("~p: ", [Why]), said()];
        _ -> allowed(Bin)
    end.

%% code:load_binary asks this of OTP 25 and later.
allowed(Bin) ->
    case code:ensure_loaded(erl_features) =:= {module, erl_features}
        andalso erlang:function_exported(erl_features, load_allowed, 1) of
        true ->
            case erl_features:load_allowed(Bin) of
                ok -> "ok\t";
                {not_allowed, Features} -> io_lib:format("feature\t~p", [Features])
            end;
        false -> "ok\t"
    end.

said() ->
    receive {told, Text} -> [C || C <- lists:flatten(Text), C >= $\s] after 1000 -> "" end.

log(#{msg := Msg}, #{config := #{to := To}}) -> To ! {told, text(Msg)}, ok.

text({string, S}) -> unicode:characters_to_list(S);
text({report, R}) -> io_lib:format("~p", [R]);
text({Format, Args}) -> io_lib:format(Format, Args).
