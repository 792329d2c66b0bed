%% Assembles a release out of compiled code for which no tool does: an escript, or a
%% directory of applications. main([Kind, From, Name, Version, To]): what lies in From
%% becomes the release To, with the toolchain's ERTS and the applications of it that
%% the code names or calls. Same input, same bytes: all names are sorted.
-mode(compile).

main([Kind, From, Name, Version, To]) ->
    ok = io:setopts(standard_error, [{encoding, unicode}]),
    remove(To),
    Releases = filename:join([To, "releases", Version]),
    Erts = erlang:system_info(version),
    Own = own(Kind, From, Name, Releases, To),
    Apps = needed([kernel, stdlib | wanted(Own)], Own, []),
    Of = [copy_app(App, To) || App <- lists:usort(Apps)],
    copy_erts(Erts, To),
    copy_boot(Releases),
    ok = write(filename:join([To, "releases", "start_erl.data"]), [Erts, " ", Version, "\n"]),
    Rel = {release, {Name, Version}, {erts, Erts}, Of ++ [{App, Vsn, none} || {App, Vsn, _, _} <- Own, Vsn =/= none]}, %% the script starts them
    ok = write(filename:join(Releases, Name ++ ".rel"), io_lib:format("~tp.~n", [Rel])),
    ok = start(Kind, From, Name, Version, Erts, To);
main(_) ->
    fail("it is told of a kind, a place, a name, a version and a place to go", []).

%% The code itself: {App, Version, Spec, Beams}, where a version is none if the code is
%% in one file.
own("escript", From, Name, Releases, _To) ->
    Script = read(From),
    case escript:extract(From, []) of
        {ok, Sections} ->
            Code = lists:last(Sections),
            ok = write(filename:join(Releases, Name ++ ".escript"), undated(Script, Code)),
            in_script(Code);
        {error, Why} ->
            fail("~ts is no escript: ~tp", [From, Why])
    end;
own("shipment", From, _Name, _Releases, To) ->
    Ebins = lists:sort(filelib:wildcard(filename:join([From, "*", "ebin"]))),
    Ebins =/= [] orelse fail("~ts has no applications", [From]),
    lists:append([shipped(filename:dirname(Ebin), To) || Ebin <- Ebins]).

in_script({archive, Zip}) ->
    {ok, Files} = zip:extract(Zip, [memory]),
    Specs = [parse(Text) || {File, Text} <- Files, filename:extension(File) =:= ".app"],
    Beams = [Bin || {File, Bin} <- Files, filename:extension(File) =:= ".beam"],
    [{App, none, Spec, []} || {application, App, Spec} <- Specs] ++ [{'', none, [], Beams}];
in_script({beam, Beam}) ->
    [{'', none, [], [Beam]}];
in_script({source, _}) ->
    [{'', none, [{applications, [compiler]}], []}].

%% The script without the time of day that its tool put into the archive: what is made of
%% the same code is the same bytes. See section 4 of APPNOTE.TXT of zip files.
undated(Script, {archive, Zip}) ->
    try
        {End, _} = lists:last(binary:matches(Zip, <<"PK", 5, 6>>)),
        <<_:End/binary, _:10/binary, Count:16/little, _:32, At:32/little, _/binary>> = Zip,
        Head = binary:part(Script, 0, byte_size(Script) - byte_size(Zip)),
        [Head | patched(0, lists:sort(dates(Count, At, Zip)), Zip)]
    catch
        error:_ -> fail("the archive of the escript cannot be read", [])
    end;
undated(Script, _) ->
    Script.

%% Where entries have their times, and what is to be there: {Place, Bytes}.
dates(0, _, _) ->
    [];
dates(Count, At, Zip) ->
    <<_:At/binary, "PK", 1, 2, _:24/binary, Name:16/little, Extra:16/little, Comment:16/little, _:8/binary, Local:32/little, _/binary>> = Zip,
    <<_:Local/binary, "PK", 3, 4, _:22/binary, LocalName:16/little, LocalExtra:16/little, _/binary>> = Zip,
    [{At + 12, <<0, 0, 33, 0>>}, {Local + 10, <<0, 0, 33, 0>>}] ++ %% the first day of 1980
        fields(At + 46 + Name, Extra, Zip) ++ fields(Local + 30 + LocalName, LocalExtra, Zip) ++
        dates(Count - 1, At + 46 + Name + Extra + Comment, Zip).

%% Times of more than two seconds' precision are in extra fields.
fields(At, Size, Zip) when Size >= 4 ->
    <<_:At/binary, Id:16/little, Length:16/little, _/binary>> = Zip,
    Times = case Id of
                16#5455 -> [{At + 5, binary:copy(<<315532800:32/little>>, (Length - 1) div 4)}];
                _ -> []
            end,
    Times ++ fields(At + 4 + Length, Size - 4 - Length, Zip);
fields(_, _, _) ->
    [].

patched(At, [], Zip) ->
    [binary:part(Zip, At, byte_size(Zip) - At)];
patched(At, [{Place, Bytes} | Rest], Zip) ->
    [binary:part(Zip, At, Place - At), Bytes | patched(Place + byte_size(Bytes), Rest, Zip)].

%% An application of a shipment goes to lib/, with its version.
shipped(Dir, To) ->
    App = filename:basename(Dir),
    Beams = lists:sort(filelib:wildcard(filename:join([Dir, "ebin", "*.beam"]))),
    {Vsn, Spec, Named} =
        case file:read_file(filename:join([Dir, "ebin", App ++ ".app"])) of
            {ok, Text} ->
                {application, _, S} = parse(Text),
                {proplists:get_value(vsn, S, "0"), S, true};
            {error, enoent} ->
                {"0", [], false}
        end,
    [copy(filename:join(Dir, Sub), filename:join([To, "lib", App ++ "-" ++ Vsn, Sub])) || Sub <- ["ebin", "priv"]],
    [{list_to_atom(App), case Named of true -> Vsn; false -> none end, Spec, [read(B) || B <- Beams]}].

parse(Text) ->
    String = unicode:characters_to_list(Text),
    {ok, Tokens, _} = erl_scan:string(String),
    {ok, Term} = erl_parse:parse_term(Tokens),
    Term.

%% The toolchain's applications that the code names, or whose modules it calls by name.
wanted(Own) ->
    Named = lists:append([applications(Spec) || {_, _, Spec, _} <- Own]),
    Mine = [module(Beam) || {_, _, _, Beams} <- Own, Beam <- Beams],
    Called = lists:usort(lists:append([imports(Beam) || {_, _, _, Beams} <- Own, Beam <- Beams])) -- Mine,
    Named ++ [App || Module <- Called, App <- of_toolchain(Module), not displays(App)].

applications(Spec) ->
    proplists:get_value(applications, Spec, []) ++ proplists:get_value(included_applications, Spec, []).

module(Beam) ->
    proplists:get_value(module, beam_lib:info(Beam)).

imports(Beam) ->
    case beam_lib:chunks(Beam, [imports]) of
        {ok, {_, [{imports, All}]}} -> lists:usort([M || {M, _, _} <- All]);
        _ -> []
    end.

of_toolchain(Module) ->
    case code:which(Module) of
        preloaded -> [];
        File when is_list(File) ->
            Dir = filename:dirname(filename:dirname(File)),
            [list_to_atom(hd(string:split(filename:basename(Dir), "-")))];
        _ -> []
    end.

%% What is called by name alone, as a debugger may be, and opens windows, stays out.
displays(App) ->
    lists:member(wx, needed([App], [], [])).

%% Applications of the toolchain with those that these need.
needed([], _, Seen) ->
    Seen;
needed([App | Rest], Own, Seen) ->
    Known = lists:member(App, Seen) orelse lists:keymember(App, 1, Own),
    case not Known andalso code:lib_dir(App) of
        false ->
            needed(Rest, Own, Seen);
        Dir when is_list(Dir) ->
            {application, App, Spec} = spec(App, Dir),
            needed(applications(Spec) ++ Rest, Own, [App | Seen]);
        {error, _} ->
            io:format(standard_error, "the toolchain has no application ~ts: the release lacks it~n", [App]),
            needed(Rest, Own, Seen)
    end.

spec(App, Dir) ->
    parse(read(filename:join([Dir, "ebin", atom_to_list(App) ++ ".app"]))).

copy_app(App, To) ->
    Dir = code:lib_dir(App),
    {application, App, Spec} = spec(App, Dir),
    Vsn = proplists:get_value(vsn, Spec),
    Target = filename:join([To, "lib", atom_to_list(App) ++ "-" ++ Vsn]),
    [copy(filename:join(Dir, Sub), filename:join(Target, Sub)) || Sub <- ["ebin", "priv"]],
    {ok, _} = beam_lib:strip_files(lists:sort(filelib:wildcard(filename:join([Target, "ebin", "*.beam"])))),
    {App, Vsn}.

copy_erts(Erts, To) ->
    Bin = filename:join([To, "erts-" ++ Erts, "bin"]),
    copy(filename:join([code:root_dir(), "erts-" ++ Erts, "bin"]), Bin),
    executable(filename:join(Bin, "erl"), [
        "#!/bin/sh\nBINDIR=\"$(cd \"$(dirname \"$0\")\" && pwd -P)\"\nROOTDIR=\"$(dirname \"$(dirname \"$BINDIR\")\")\"\n"
        "EMU=beam\nPROGNAME=erl\nexport EMU ROOTDIR BINDIR PROGNAME\nexec \"$BINDIR/erlexec\" ${1+\"$@\"}\n"]).

copy_boot(Releases) ->
    From = [filename:join([code:root_dir(), Dir, "no_dot_erlang.boot"]) || Dir <- ["bin", "releases/" ++ erlang:system_info(otp_release)]],
    case [File || File <- From, filelib:is_regular(File)] of
        [File | _] -> [ok = write(filename:join(Releases, Name), read(File)) || Name <- ["start.boot", "start_clean.boot"]];
        [] -> fail("this Erlang has no no_dot_erlang.boot", [])
    end.

%% The start script. Its second line is how dram knows it.
start(Kind, From, Name, Version, Erts, To) ->
    executable(filename:join([To, "bin", Name]), [
        "#!/bin/sh\n# dram: ", Kind, "\nset -e\nROOTDIR=\"$(cd \"$(dirname \"$0\")/..\" && pwd -P)\"\n"
        "BINDIR=\"$ROOTDIR/erts-", Erts, "/bin\"\nEMU=beam\nPROGNAME=erl\nexport ROOTDIR BINDIR EMU PROGNAME\n",
        runs(Kind, From, Name, "$ROOTDIR/releases/" ++ Version)]).

%% As the program escript does.
runs("escript", From, Name, Here) ->
    {ok, Sections} = escript:extract(From, []),
    Flags = case proplists:get_value(emu_args, Sections) of
                F when is_list(F) -> [quoted(Word) || Word <- string:lexemes(F, " \t\r\n")];
                _ -> []
            end,
    ["exec \"$BINDIR/erlexec\" +B -boot \"", Here, "/start\" -noshell ", lists:join(" ", Flags ++ ["-run escript start -extra"]),
     " \"", Here, "/", Name, ".escript\" \"$@\"\n"];
%% As a shipment's own entrypoint.sh does.
runs("shipment", _From, Name, Here) ->
    Vm = ["exec \"$BINDIR/erlexec\" -boot \"", Here, "/start\""],
    ["case \"${1-}\" in\nrun)\n  shift\n  ", Vm, " -noshell -eval '", Name, "@@main:run(", Name, ")' -extra \"$@\"\n  ;;\n"
     "shell)\n  ", Vm, "\n  ;;\n*)\n  echo \"usage: ", Name, " run [ARGUMENT...]   run the project's main function\" >&2\n"
     "  echo \"       ", Name, " shell               an Erlang shell with the project's code\" >&2\n  exit 1\n  ;;\nesac\n"].

quoted(Word) ->
    ["'", string:replace(Word, "'", "'\\''", all), "'"].

%% Files.
copy(From, To) ->
    case filelib:is_dir(From) of
        true ->
            {ok, Names} = file:list_dir(From),
            [copy(filename:join(From, Name), filename:join(To, Name)) || Name <- lists:sort(Names)],
            ok;
        false ->
            case file:read_file_info(From) of
                {ok, Info} when element(3, Info) =:= regular ->
                    ok = filelib:ensure_dir(To),
                    {ok, _} = file:copy(From, To),
                    ok = file:change_mode(To, element(8, Info) band 8#755 bor 8#600);
                _ ->
                    ok
            end
    end.

remove(Dir) ->
    case file:del_dir_r(Dir) of
        ok -> ok;
        {error, enoent} -> ok;
        {error, Why} -> fail("~ts cannot be removed: ~tp", [Dir, Why])
    end.

read(File) ->
    case file:read_file(File) of
        {ok, Bin} -> Bin;
        {error, Why} -> fail("~ts cannot be read: ~ts", [File, file:format_error(Why)])
    end.

write(File, Text) ->
    ok = filelib:ensure_dir(File),
    file:write_file(File, Text).

executable(File, Text) ->
    ok = write(File, unicode:characters_to_binary(Text)),
    ok = file:change_mode(File, 8#755).

fail(Format, Args) ->
    io:format(standard_error, "assembling the release: " ++ Format ++ "~n", Args),
    halt(1).
