(** Parameters that all steps and all rows of a batch share. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Linear.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Sharing.

(** What a step uses: q parameters, the same at every step and in every row, and i inputs of its own. *)
Variables (R : ringType) (n m q i : nat).

Section Row.

Variables (S : steps R n m (q + i)) (dy : nat -> 'rV[R]_m) (e : 'rV[R]_n).
Variables (theta : 'cV[R]_q) (x : nat -> 'cV[R]_i) (v : 'cV[R]_n).

(** The derivative of the loss along a direction through the parameters, the inputs and the initial state. *)
Definition moved T : 'M[R]_1 :=
  let u t := col_mx theta (x t) in \sum_(t < T) dy t *m output S u v t + e *m tangent S u v T.

Definition parameter_gradient T : 'rV_q := \sum_(t < T) lsubmx (gradient S dy e T t).

Definition input_gradient T t : 'rV_i := rsubmx (gradient S dy e T t).

(** The gradient of a parameter that all steps use is the sum over the steps of what each step's own copy would have.
    Code: refseq/scan.py gradient_row
    Scope: every ring, numbers of units, outputs, parameters and inputs, length T *)
Theorem gradients_add_over_steps T :
  moved T = cotangent S dy e T 0 *m v + parameter_gradient T *m theta + \sum_(t < T) input_gradient T t *m x t.
Proof.
rewrite /moved vjp_is_adjoint_of_jvp -addrA mulmx_suml -big_split /=; congr (_ + _).
by apply: eq_bigr => t _; rewrite -mul_row_col hsubmxK.
Qed.

End Row.

(** The gradient of a parameter that all rows of a batch use is the sum over the rows, whatever their lengths T_b, 0
    among them; gradients of inputs and initial states stay within their row.
    Code: refseq/scan.py gradient_row; refseq/checks/properties/batch.py gradient_of_one_row, repeated_rows
    Scope: every ring, numbers of rows, units, outputs, parameters and inputs, lengths T_b *)
Theorem gradients_add_over_rows (rows : nat) (S : 'I_rows -> steps R n m (q + i)) dy e theta x v (T : 'I_rows -> nat) :
  \sum_b moved (S b) (dy b) (e b) theta (x b) (v b) (T b)
  = \sum_b cotangent (S b) (dy b) (e b) (T b) 0 *m v b
    + (\sum_b parameter_gradient (S b) (dy b) (e b) (T b)) *m theta
    + \sum_b \sum_(t < T b) input_gradient (S b) (dy b) (e b) (T b) t *m x b t.
Proof. by rewrite mulmx_suml -!big_split /=; apply: eq_bigr => b _; rewrite gradients_add_over_steps. Qed.

End Sharing.
