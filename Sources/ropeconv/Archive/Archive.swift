import ArgumentParser

struct Archive: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "archive",
    abstract: "Check or list archives of models and their manifests.",
    discussion: HelpText.discussion(
      "An archive that convert writes holds one GGUF file, its shards, or one folder with the "
        + "files of a Hugging Face model, and as its last member MANIFEST.json: size and "
        + "SHA-256 of every other member, the source's SHA-256, the settings and what was "
        + "measured. Equal conversions give equal bytes. Models are read from .zip and "
        + ".tar in place; .tar.zst, .tar.gz and compressed .zip members are unpacked "
        + "first, to a nameless file in TMPDIR, and checked against the manifest.",
      examples: "ropeconv convert model.gguf --to rove -o model.rove.tar.zst",
      "ropeconv archive verify model.rove.tar.zst",
      "ropeconv archive list model.rove.tar.zst"),
    subcommands: [ArchiveVerify.self, ArchiveList.self])
}
