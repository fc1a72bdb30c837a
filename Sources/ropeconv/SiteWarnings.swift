import Models
import Rotary

extension VariantOptions {
  /// The variant to score a model as, with a warning where that is not what the model is.
  func request(
    for plan: ModelPlan, warning output: OutputOptions
  ) throws -> RotaryRequest {
    let request = try request(for: plan)
    try warnOfSites(request, plan, output)
    return request
  }

  /// Warns where a variant turns on sites that the model lacks, or off sites that it has.
  func warnOfSites(
    _ request: RotaryRequest, _ plan: ModelPlan, _ output: OutputOptions
  ) throws {
    let target = try plan.rotary.applying(
      RotaryRequest(
        sites: request.sites, valuePairs: request.valuePairs,
        valuePairsByLayer: request.valuePairsByLayer, valueBase: request.valueBase),
      length: plan.shape.context)
    if let effects = SiteChange(from: plan.rotary, to: target)?.effects(for: .scoring) {
      output.warn("\(effects); without --sites the model is scored as it is")
    }
  }
}
