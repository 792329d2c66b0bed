%% Tries what ORACLE_CASES names, one after the other, once the system runs, and
%% writes to /out/log what came of each, before and after: what is begun and has
%% no end took the VM with it.
-module(oracle).
-behaviour(application).
-export([start/2, stop/1]).

start(_, _) ->
    case os:getenv("ORACLE_STAYS") of
        false -> {ok, spawn_link(fun run/0)};
        _ -> {ok, spawn_link(fun() -> timer:sleep(infinity) end)}
    end.

stop(_) -> ok.

run() ->
    case init:get_status() of
        {started, _} ->
            log(["started ", erlang:system_info(otp_release)]),
            lists:foreach(fun try_one/1, string:tokens(os:getenv("ORACLE_CASES", ""), " ")),
            log("done"),
            erlang:halt(0);
        _ ->
            timer:sleep(10),
            run()
    end.

try_one(Case) ->
    log(["begin ", Case]),
    {Kind, [$: | Name]} = lists:splitwith(fun(C) -> C =/= $: end, Case),
    Said = try do(Kind, Name) catch _:Reason -> Reason end,
    log(["end ", Case, " ", base64:encode(unicode:characters_to_binary(io_lib:format("~0tp", [Said])))]).

log(Line) -> ok = file:write_file("/out/log", [Line, $\n], [append]).

do("nif", Name) ->
    Module = list_to_atom("c_" ++ Name),
    case Module:load("/app/lib/oracle-0.1.0/priv/" ++ Name ++ "/" ++ Name) of
        ok -> case Module:call() of 42 -> ok; Other -> {called, Other} end;
        Error -> Error
    end;
do("port", Name) ->
    case port("/app/lib/oracle-0.1.0/priv/" ++ Name ++ "/" ++ Name, 5000) of
        {exit, 0, <<"port ok\n">>} -> ok;
        Other -> Other
    end;
do("program", Path) -> % all that is asked is whether it starts
    case port("/app/" ++ Path, 500) of
        {exit, Status, Text} when Status =:= 127; Text =:= <<>>, Status =:= 2 -> {exit, Status, Text};
        _ -> ok
    end;
do("own", "crypto") -> <<_:4/binary>> = crypto:strong_rand_bytes(4), ok;
do("own", "asn1rt_nif") -> {{_, _}, <<>>} = asn1rt_nif:decode_ber_tlv(<<5, 0>>), ok;
do("own", "dyntrace") -> true = is_boolean(dyntrace:available()), ok;
do("own", Driver) -> erl_ddll:load_driver(filename:join(code:priv_dir(runtime_tools), "lib"), Driver).

port(Path, Patience) ->
    Port = open_port({spawn_executable, Path}, [exit_status, binary, stderr_to_stdout, hide]),
    heard(Port, <<>>, erlang:monotonic_time(millisecond) + Patience).

heard(Port, Text, Until) ->
    receive
        {Port, {data, More}} -> heard(Port, <<Text/binary, More/binary>>, Until);
        {Port, {exit_status, Status}} -> {exit, Status, Text}
    after max(0, Until - erlang:monotonic_time(millisecond)) ->
        catch port_close(Port),
        {runs, Text}
    end.
