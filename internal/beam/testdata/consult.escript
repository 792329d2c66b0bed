#!/usr/bin/env escript
%% Reads files of terms: for each file, FILE \t the list of its terms in the
%% external format, in base 64.
main([List]) ->
    {ok, Names} = file:read_file(List),
    [begin
         {ok, Terms} = file:consult(binary_to_list(F)),
         io:format("~ts\t~s~n", [F, base64:encode(term_to_binary(Terms))])
     end || F <- binary:split(Names, <<"\n">>, [global, trim_all])].
