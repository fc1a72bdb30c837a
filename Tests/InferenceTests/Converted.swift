import Conversion
import Evaluation
import Models
import Rotary

/// Converts the model at a path, as it is or to other sites.
/// - Returns: `output`.
func convert(_ path: String, to output: String, sites: String? = nil) throws -> String {
  _ = try ConversionPlan(
    Model(opening: path).plan,
    ConversionRequest(sites: try sites.map { try RotarySites(parsing: $0) }, output: output)
  ).write(version: "test")
  return output
}
