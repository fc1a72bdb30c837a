import ArgumentParser

/// What a conversion makes: the options that nearly every call has.
struct TargetOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Sites that rotate: keep (the model's own), qk (rope), vo, qkvo (rove), nope, or any subset.",
      valueName: "sites"))
  var to = "keep"

  @Option(
    name: ShortName.output.names,
    help: ArgumentHelp(
      "Output: .gguf, .safetensors, a folder ending in /, or .tar.zst, .tar.gz (.tgz), .tar, .zip."
        + " (default: beside the input)",
      valueName: "out"))
  var output: String?
}
