defmodule Hello.Router do
  @moduledoc "What each path answers: a status, a content type and a body."

  @type response :: {status :: 100..599, content_type :: String.t(), body :: iodata}

  @spec route(String.t()) :: response
  def route("/"), do: {200, "application/json", [Hello.JSON.encode(Hello.Facts.all()), ?\n]}
  def route("/health"), do: {200, "text/plain; charset=utf-8", "ok\n"}
  def route(_path), do: {404, "text/plain; charset=utf-8", "Not Found\n"}
end
