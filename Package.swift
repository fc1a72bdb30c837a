// swift-tools-version: 6.2
import PackageDescription

// ROPECONV_WITHOUT_ONEDNN=1 builds without oneDNN: matrix products then go through OpenBLAS.
let withoutOneDNN = Context.environment["ROPECONV_WITHOUT_ONEDNN"] == "1"
let oneDNN: [Target.Dependency] = withoutOneDNN ? [] : ["CDNNL"]
let oneDNNSettings: [SwiftSetting] = withoutOneDNN ? [] : [.define("ROPECONV_ONEDNN")]

// What Tests/Checks/sanitized and .ci/run build with, besides --sanitize=address, whose library they need.
// ROPECONV_UNDEFINED=1: undefined behaviour of the C kernels ends the program.
// ROPECONV_LIBFUZZER=FILE, libclang_rt.fuzzer_no_main of the compiler: mutations are guided by coverage.
let coverage = "edge,inline-8bit-counters,pc-table,trace-cmp"
let libFuzzer = Context.environment["ROPECONV_LIBFUZZER"]
let kernelFlags =
  (Context.environment["ROPECONV_UNDEFINED"] == "1"
    ? ["-fsanitize=undefined", "-fno-sanitize-recover=all"] : [])
  + (libFuzzer == nil ? [] : ["-fsanitize-coverage=\(coverage)"])
let kernelSettings: [CSetting] = kernelFlags.isEmpty ? [] : [.unsafeFlags(kernelFlags)]
let coverageSettings: [SwiftSetting] =
  libFuzzer == nil ? [] : [.unsafeFlags(["-sanitize-coverage=\(coverage)"])]
let fuzzerSettings: [LinkerSetting] =
  libFuzzer.map {
    [
      .unsafeFlags(
        ["--undefined=LLVMFuzzerRunDriver", "--export-dynamic", $0].flatMap { ["-Xlinker", $0] }),
      .linkedLibrary("stdc++"),
    ]
  } ?? []

let collections = Target.Dependency.product(
  name: "OrderedCollections", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

/// A system library: module map and shim in Sources/System, Debian's and Homebrew's package names.
func system(_ name: String, apt: String, brew: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/System/\(name)", providers: [.apt([apt]), .brew([brew])])
}

/// The tests of one module; scripts and files they read are in their folder `Golden`.
func tests(_ name: String, _ module: String, golden: Bool = false) -> Target {
  .testTarget(
    name: name, dependencies: [.byName(name: module), "TestSupport", collections, crypto],
    exclude: golden ? ["Golden"] : [])
}

let package = Package(
  name: "ropeconv",
  products: [
    .executable(name: "ropeconv", targets: ["ropeconv"]),
    .library(name: "Checkpoints", targets: ["Checkpoints"]),
    .library(name: "Evaluation", targets: ["Evaluation"]),
    .library(name: "Conversion", targets: ["Conversion"]),
    .library(name: "Rotary", targets: ["Rotary"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // From the command line down: a module imports only what stands below it.
    .executableTarget(
      name: "ropeconv",
      dependencies: [
        "Batch", "Reports", "Conversion", "Evaluation",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(
      name: "Batch",
      dependencies: ["Reports", "Checkpoints", .product(name: "Yams", package: "Yams")]),
    .target(name: "Reports", dependencies: ["Conversion", "Evaluation"]),
    .target(name: "Conversion", dependencies: ["Evaluation"]),
    .target(name: "Evaluation", dependencies: ["Inference"]),
    .target(name: "Inference", dependencies: ["Models"]),
    .target(
      name: "Models", dependencies: ["Rotary", "Vocabulary", "Checkpoints"],
      swiftSettings: coverageSettings),
    .target(name: "Rotary", dependencies: ["Tensors"]),
    .target(
      name: "Vocabulary", dependencies: ["Checkpoints", "CPCRE2", heap],
      swiftSettings: coverageSettings),
    .target(
      name: "Checkpoints", dependencies: ["Tensors", "CArchive"], swiftSettings: coverageSettings),
    .target(
      name: "Tensors", dependencies: ["Base", "CKernels", "COpenBLAS"] + oneDNN,
      swiftSettings: oneDNNSettings + coverageSettings),
    .target(
      name: "Base", dependencies: ["CKernels", "CJSON", collections, crypto],
      // Data that the program reads: how the ecosystem's files look.
      resources: ["architectures", "huggingface", "recognition", "tokenizers"].map {
        .copy("../../formats/\($0)")
      },
      swiftSettings: coverageSettings
    ),
    .target(name: "CKernels", cSettings: kernelSettings),

    system("CDNNL", apt: "libdnnl-dev", brew: "onednn"),
    system("COpenBLAS", apt: "libopenblas-dev", brew: "openblas"),
    system("CArchive", apt: "libarchive-dev", brew: "libarchive"),
    system("CJSON", apt: "libjson-c-dev", brew: "json-c"),
    system("CPCRE2", apt: "libpcre2-dev", brew: "pcre2"),

    // What `make bench` measures the kernels with.
    .executableTarget(
      name: "kernel-bench",
      dependencies: [
        "Tensors", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Benchmarks/Kernels"),

    // What `Tests/Checks/fuzz` runs mutated inputs with.
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "Reports", "TestSupport", collections,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Fuzzing", linkerSettings: fuzzerSettings),

    .target(name: "TestSupport", path: "Tests/TestSupport"),
    tests("TensorsTests", "Tensors", golden: true),
    tests("CheckpointsTests", "Checkpoints", golden: true),
    tests("VocabularyTests", "Vocabulary", golden: true),
    tests("RotaryTests", "Rotary"),
    tests("InferenceTests", "Conversion", golden: true),
    tests("ModelsTests", "Models"),
    tests("EvaluationTests", "Conversion", golden: true),
    tests("ConversionTests", "Conversion", golden: true),
    tests("ReportsTests", "Reports"),
    tests("BatchTests", "Batch"),
    tests("CommandTests", "Conversion"),
  ],
  swiftLanguageModes: [.v6]
)
