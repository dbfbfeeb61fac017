// SPDX-License-Identifier: Apache-2.0

// Package controller adds this project's controllers to a manager.
package controller

import (
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"operator-harness.example/imoocpod/pkg/controller/imoocpod"
	"operator-harness.example/imoocpod/pkg/defects"
)

// AddToManagerFuncs are what adds each controller.
var AddToManagerFuncs = []func(manager.Manager, defects.Name) error{imoocpod.Add}

// AddToManager adds all controllers.
func AddToManager(mgr manager.Manager, defect defects.Name) error {
	for _, add := range AddToManagerFuncs {
		if err := add(mgr, defect); err != nil {
			return err
		}
	}
	return nil
}
