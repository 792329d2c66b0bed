%% Makes the relup of a release, by which an earlier one is upgraded while it runs.
%% main([Tarball, Export, Name, Source]): the earlier release, packed; the release that
%% was assembled; its name; the project. See relup(4), appup(4) and systools(3).
-mode(compile).

main([Tarball, Export, Name, Source]) ->
    ok = io:setopts(standard_error, [{encoding, unicode}]),
    Earlier = Export ++ ".earlier",
    remove(Earlier),
    try
        unpack(Tarball, Earlier),
        relup(contents(Earlier, Name), contents(Export, Name), Source)
    of
        ok -> ok
    catch
        {relup, Text} ->
            io:format(standard_error, "making the relup: ~ts~n", [Text]),
            remove(Earlier),
            halt(1)
    after
        remove(Earlier)
    end;
main(_) ->
    io:format(standard_error, "making the relup: it is told of a tarball, a release, its name and the project~n", []),
    halt(1).

unpack(Tarball, To) ->
    ok = filelib:ensure_path(To),
    case erl_tar:extract({binary, gunzip(Tarball)}, [{cwd, To}]) of
        ok -> ok;
        {error, Why} -> fail("~ts is no tarball of a release: ~ts", [Tarball, erl_tar:format_error(Why)])
    end.

%% All members of the file, where erl_tar would read the first alone.
gunzip(Tarball) ->
    case file:read_file(Tarball) of
        {ok, Packed} ->
            try
                zlib:gunzip(Packed)
            catch
                error:_ -> fail("~ts is not compressed by gzip, or damaged", [Tarball])
            end;
        {error, Why} ->
            fail("~ts cannot be read: ~ts", [Tarball, file:format_error(Why)])
    end.

%% What there is in a directory: {Dir, Version, ERTS, Applications, the file .rel without
%% its ending}.
contents(Dir, Name) ->
    case file:read_file(filename:join([Dir, "releases", "start_erl.data"])) of
        {ok, Text} ->
            [_Erts, Version | _] = string:lexemes(binary_to_list(Text), " \r\n"),
            Rel = filename:join([Dir, "releases", Version, Name]),
            case file:consult(Rel ++ ".rel") of
                {ok, [{release, {_, Version}, {erts, Vsn}, Apps}]} ->
                    {Dir, Version, Vsn, [{element(1, App), element(2, App)} || App <- Apps], Rel};
                _ ->
                    fail("~ts has no releases/~ts/~ts.rel: it is no release ~ts", [Dir, Version, Name, Name])
            end;
        {error, _} ->
            fail("~ts has no releases/start_erl.data: it is no release", [Dir])
    end.

relup({_, Version, _, _, _}, {_, Version, _, _, _}, _) ->
    fail("the earlier release is ~ts, as this one is: give this one another version", [Version]);
relup({_, From, Erts, _, _}, {_, To, Other, _, _}, _) when Erts =/= Other ->
    fail("release ~ts has ERTS ~ts, and ~ts has ~ts: no upgrade goes from one to the other while the VM runs. "
         "Build this one with the toolchain of the earlier, or start it anew", [From, Erts, To, Other]);
relup({Old, From, _, Before, OldRel}, {New, To, _, After, NewRel}, Source) ->
    lists:keymember(sasl, 1, Before) orelse fail("release ~ts has no sasl, whose release_handler upgrades it", [From]),
    Changed = [{App, V, proplists:get_value(App, Before)} || {App, V} <- After, lists:keymember(App, 1, Before)],
    [same(App, V, Old, New) || {App, V, V} <- Changed],
    Lacking = [{App, Was, V} || {App, V, Was} <- Changed, V =/= Was, not appup(App, Was, V, New, Source)],
    Lacking =:= [] orelse
        fail("no appup says how these are upgraded: ~ts. Write src/APP.appup (appup(4)), or start the release anew",
             [lists:join(", ", [io_lib:format("~ts from ~ts to ~ts", [App, Was, V]) || {App, Was, V} <- Lacking])]),
    Outdir = filename:join([New, "releases", To]),
    Path = [filename:join([Dir, "lib", "*", "ebin"]) || Dir <- [New, Old]],
    case systools:make_relup(NewRel, [OldRel], [OldRel], [{path, Path}, {outdir, Outdir}, silent]) of
        {ok, _, _, _} -> io:format("relup from ~ts to ~ts~n", [From, To]);
        {error, Module, Why} -> fail("~ts", [string:trim(Module:format_error(Why))])
    end.

%% An application of one version is left as it runs: what changed in it would not be loaded.
same(App, Version, Old, New) ->
    Sums = fun(Dir) ->
        Beams = filelib:wildcard(filename:join([Dir, "lib", versioned(App, Version), "ebin", "*.beam"])),
        lists:sort([Sum || Beam <- Beams, {ok, Sum} <- [beam_lib:md5(Beam)]])
    end,
    Sums(Old) =:= Sums(New) orelse
        fail("~ts is ~ts in both releases, and its code is not the same: an upgrade would leave the old code running. "
             "Give it another version", [App, Version]).

%% What says how an application is upgraded is beside its code, or beside its source or
%% where Distillery has it, from where it is brought there.
appup(App, Was, Version, Release, Source) ->
    Name = atom_to_list(App),
    To = filename:join([Release, "lib", versioned(App, Version), "ebin", Name ++ ".appup"]),
    Names = ["rel/appups/" ++ Name ++ "/" ++ Was ++ "_to_" ++ Version ++ ".appup"] ++
        [Dir ++ Name ++ End || Dir <- ["src/", "apps/" ++ Name ++ "/src/", "lib/" ++ Name ++ "/src/"], End <- [".appup", ".appup.src"]],
    filelib:is_regular(To) orelse
        case [F || File <- Names, F <- [filename:join(Source, File)], filelib:is_regular(F)] of
            [From | _] ->
                {ok, _} = file:copy(From, To),
                true;
            [] ->
                false
        end.

versioned(App, Version) -> atom_to_list(App) ++ "-" ++ Version.

remove(Dir) ->
    case file:del_dir_r(Dir) of
        ok -> ok;
        {error, enoent} -> ok;
        {error, _} -> halt(1)
    end.

fail(Format, Args) ->
    throw({relup, io_lib:format(Format, Args)}).
