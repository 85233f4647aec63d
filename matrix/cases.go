package matrix

import "slices"

// Cases are all cases of the product as it is, in the order they run.
func Cases() []Case {
	return slices.Concat(
		requestCases(), bodyCases(), routingCases(),
		responseCases(), outputCases(), filewrapCases(),
		failingCases(), scriptCases(), loggingCases(),
		gatewayCases(), processCases(), endingCases(), restartCases(), nestedCases(), frameworkCases(), proxyCases(), directiveCases(),
	)
}
